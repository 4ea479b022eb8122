// spdy-transport as a client, told over a port what to ask for. Prints where it listens.
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const {Digest, mistakes, open, pattern, ready} = require('./common.js');

// Collects an answer, or a push, until its stream is closed.
const collect = (stream, found, one = {}) => new Promise((done) => {
  const digest = new Digest();
  let text = '';
  stream.on('response', (status, fields) => {
    Object.assign(found, {status, fields});
    if (one.abort && one.abort.at === 0) stream.abort(one.abort.code);
  });
  stream.on('headers', (fields) => found.trailers.push(fields));
  const take = (chunk) => {
    digest.add(chunk);
    if (digest.length <= 2000) text += chunk.toString('latin1');
    if (one.abort && one.abort.at > 0 && digest.length >= one.abort.at)
      stream.abort(one.abort.code);
  };
  if (one.hold) setTimeout(() => stream.on('data', take), one.hold);
  else stream.on('data', take);
  stream.on('end', () => { found.ended = true; });
  stream.on('error', (error) => found.errors.push(error.message));
  stream.on('close', () => done(Object.assign(found, digest.tell(), {text})));
});

const fresh = (id) => ({id, errors: [], trailers: [], pushes: [], ended: false});

// One request to its end, and the pushes that came with it.
const ask = async (connection, one) => {
  const priority = one.weight && {weight: one.weight, parent: 0, exclusive: false};
  const send = (error, stream) => {
    if (error) return;
    if (one.part !== undefined)
      stream.write(pattern(one.part), () => stream.abort(one.code));
    else if (one.after)
      stream.write(pattern(one.size), () => stream.sendHeaders(one.after, () => stream.end()));
    else if (one.method === 'POST')
      stream.end(pattern(one.size));
  };
  // A body that is written before the request has left would have it overtake those before.
  const stream = connection.request({
    method: one.method || 'GET', path: one.path, host: 'localhost', headers: one.headers || {},
    priority}, send);
  const found = fresh(stream.id), pushes = [];
  stream.on('pushPromise', (pushed) => {
    const news = {...fresh(pushed.id), path: pushed.path, request: pushed.headers};
    if (one.refuse) pushed.abort('REFUSED_STREAM');
    else pushes.push(collect(pushed, news));
  });
  await collect(stream, found, one);
  found.pushes = await Promise.all(pushes);
  return found;
};

// Gives the session no credit for so long: it would be given before anything is read.
const holdBack = (connection, hold) => {
  const window = connection._spdyState.window.recv, listeners = window.listeners('drain');
  window.removeAllListeners('drain');
  setTimeout(() => {
    for (const listener of listeners) window.on('drain', listener);
    connection._onSessionWindowDrain();
  }, hold);
};

// All requests over one connection, at most `wave` at once; `trust` is a certificate, for TLS.
const exchange = async ({port, version, requests, wave = Infinity, options = {}, pings = 0,
                         forwarded, goaway = false, hold = 0, trust}) => {
  const socket = trust
    ? tls.connect({port, host: '127.0.0.1', servername: 'localhost', ca: fs.readFileSync(trust),
                   ALPNProtocols: [`spdy/${version}`]})
    : net.connect(port, '127.0.0.1');
  await new Promise((done, fail) =>
    socket.once(trust ? 'secureConnect' : 'connect', done).once('error', fail));
  const {connection, record} = open(socket, version, false, options);
  const closed = new Promise((done) => connection.once('close', done));
  // it would wait for ever for what it cannot read any more
  connection.on('error', () => socket.destroy());
  if (hold) holdBack(connection, hold);
  if (forwarded) connection.sendXForwardedFor(forwarded);
  const results = [];
  let next = 0, answered = 0;
  const worker = async () => {
    while (next < requests.length) {
      const i = next++;
      results[i] = await ask(connection, requests[i]);
    }
  };
  await Promise.all(Array.from({length: Math.min(wave, requests.length)}, worker));
  for (; answered < pings; answered++) await new Promise((done) => connection.ping(done));
  if (goaway) connection.end();
  else socket.end();
  await closed;
  return {results, pings: answered, record, mistakes: mistakes(), alpn: socket.alpnProtocol};
};

ready({exchange, mistakes});
