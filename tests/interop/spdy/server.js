// spdy-transport as a server in all three versions; see the routes. Prints where it listens.
//
//   node server.js CERTIFICATE KEY
//
// There is a port for each version in clear text, and one for TLS, where ALPN chooses.
'use strict';
const fs = require('fs');
const net = require('net');
const tls = require('tls');
const {Digest, mistakes, open, pattern, ready} = require('./common.js');

const VERSIONS = [2, 3, 3.1];
const records = [];

// It pushes without FLAG_UNIDIRECTIONAL, which the drafts demand; pushes have even ids.
const mendPushes = (connection) => {
  const framer = connection._spdyState.framer, send = framer._frame;
  framer._frame = function (frame, body, callback) {
    if (frame.type === 'SYN_STREAM' && frame.id % 2 === 0) frame.flags |= 2;
    return send.call(this, frame, body, callback);
  };
};

const json = (stream, found) => {
  stream.respond(200, {'content-type': 'application/json'});
  stream.end(JSON.stringify(found));
};

const push = (stream, name, size) => {
  const pushed = stream.pushPromise(
    {path: '/pushed/' + name, method: 'GET', host: 'localhost', status: 200,
     headers: {'x-name': name}, response: {'content-type': 'application/octet-stream'}},
    () => {});
  pushed.on('error', () => {});
  pushed.resume();  // ends its reading side, so that it can close
  pushed.end(pattern(size));
};

const routes = {
  '/bytes': (stream, query) => {
    stream.respond(200, {'content-length': query.n});
    stream.end(pattern(query.n));
  },
  '/echo': (stream) => {
    stream.respond(200, {});
    stream.pipe(stream);
  },
  // What was sent, once it is all here.
  '/sink': (stream, query, seen) => {
    const digest = new Digest(), trailers = [];
    stream.on('headers', (fields) => trailers.push(fields));
    stream.on('data', (chunk) => digest.add(chunk));
    stream.on('end', () => json(stream, {...digest.tell(), fields: stream.headers, trailers}));
  },
  '/empty': (stream) => {
    stream.respond(204, {});
    stream.end();
  },
  '/fields': (stream) => {
    stream.respond(200, {'x-twice': ['one', 'two'], 'x-empty': '', 'X-Snow': '☃ and ä',
                         'set-cookie': ['a=1', 'b=2']});
    stream.end();
  },
  '/trailers': (stream, query) => {
    stream.respond(200, {});
    stream.write(pattern(query.n), () => {
      stream.sendHeaders({'x-sum': query.n}, () => stream.end());
    });
  },
  '/push': (stream, query, seen) => {
    if (query.mend === '1' && !seen.mended) {
      mendPushes(stream.connection);
      seen.mended = true;
    }
    for (let i = 0; i < query.count; i++) push(stream, String(i), +query.n);
    stream.respond(200, {});
    stream.end('pushing');
  },
  // An answer that never ends.
  '/never': (stream) => {
    stream.respond(200, {});
    stream.write('started');
  },
  '/reset': (stream, query) => {
    stream.respond(200, {});
    stream.write(pattern(query.n), () => stream.abort(query.code));
  },
  // Nobody is answered before there are so many who wait.
  '/together': (stream, query, seen) => {
    seen.waiting.push(stream);
    if (seen.waiting.length % query.n) return;
    // not at once, so that one more than allowed would be seen
    setTimeout(() => {
      for (const one of seen.waiting.splice(0)) {
        one.respond(200, {});
        one.end('together');
      }
    }, 10);
  },
  '/ping': (stream) => {
    let left = 3;
    for (let i = 0; i < 3; i++)
      stream.connection.ping(() => { if (--left === 0) json(stream, 'three'); });
  },
  // Sends a frame of a type that only this transport knows.
  '/forwarded': (stream) => {
    stream.connection.sendXForwardedFor('192.0.2.1');
    json(stream, 'forwarded');
  },
  '/record': (stream, query, seen) => json(stream, seen.record),
  // Says goodbye in the middle of an answer.
  '/goaway': (stream) => {
    stream.respond(200, {});
    stream.write('good', () => {
      stream.connection.end();
      setTimeout(() => stream.end('bye'), 10);
    });
  },
};

const serve = (version, socket) => {
  const {connection, record} = open(socket, version, true, {
    windowSize: 100000, maxStreams: version === 2 ? 50 : 60,
    headerCompression: version !== 3});
  const seen = {record, waiting: []};
  records.push(record);
  connection.on('stream', (stream) => {
    record.open++;
    record.most = Math.max(record.most, record.open);
    stream.on('close', () => record.open--);
    stream.on('error', () => {});
    const {pathname, searchParams} = new URL(stream.path, 'https://localhost');
    const route = routes[pathname] || ((lost) => { lost.respond(404, {}); lost.end(); });
    route(stream, Object.fromEntries(searchParams), seen);
    stream.resume();
  });
};

const commands = {
  // What the server saw of the connection that came from this port.
  record: ({port}) => records.findLast((one) => one.port === port),
  mistakes,
};

(async () => {
  const ports = {};
  for (const version of VERSIONS) {
    const server = net.createServer((socket) => serve(version, socket));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    ports[version] = server.address().port;
  }
  const secure = tls.createServer(
    {cert: fs.readFileSync(process.argv[2]), key: fs.readFileSync(process.argv[3]),
     ALPNProtocols: ['spdy/3.1', 'spdy/3', 'spdy/2']},
    (socket) => serve(Number(socket.alpnProtocol.slice('spdy/'.length)), socket));
  await new Promise((done) => secure.listen(0, '127.0.0.1', done));
  await ready(commands, {ports, secure: secure.address().port});
})();
