// The colours of arrival, from the first tile (0) to the last (1). The same in demo.css.

const STOPS = [[61, 143, 196], [95, 180, 156], [227, 189, 69], [240, 140, 74], [221, 79, 99]];

export function colourAt(share) {
  const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const left = Math.min(Math.floor(place), STOPS.length - 2);
  const mix = place - left;
  const channel = (i) => Math.round(STOPS[left][i] * (1 - mix) + STOPS[left + 1][i] * mix);
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}

export function milliseconds(time) {
  return time < 10 ? `${time.toFixed(1)} ms` : `${Math.round(time).toLocaleString("en")} ms`;
}
