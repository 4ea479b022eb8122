// What the two programs have in common; spdy-transport is found by NODE_PATH.
'use strict';
const crypto = require('crypto');
const net = require('net');
const transport = require('spdy-transport');
const WriteBuffer = require('wbuf');

// It writes a text's code points where UTF-8 is due, though it counts the octets of UTF-8.
WriteBuffer.prototype.write = function (text) {
  this.copyFrom(Buffer.from(text));
};

// Octets of a period that is prime, so that a frame lost or sent twice cannot go unnoticed.
const PATTERN = Buffer.from(Array.from({length: 251}, (_, i) => i + 1));
exports.pattern = (size) => Buffer.alloc(+size, PATTERN);

// Counts and hashes what passes, so that no body has to be kept.
exports.Digest = class {
  constructor() {
    this.length = 0;
    this.hash = crypto.createHash('sha256');
  }
  add(octets) {
    this.length += octets.length;
    this.hash.update(octets);
  }
  tell() {
    return {length: this.length, sha256: this.hash.digest('hex')};
  }
};

// A SPDY connection on a socket, and a record of what it saw.
exports.open = (socket, version, isServer, options = {}) => {
  const connection = transport.connection.create(
    socket, {protocol: 'spdy', isServer, ...options});
  const record = {version, port: socket.remotePort, frames: {}, settings: [], goaway: null,
                  resets: {}, priorities: {}, turns: [], open: 0, most: 0,
                  least: {stream: 0, session: 0}, errors: [], closed: false};
  connection.on('frame', (frame) => {
    record.frames[frame.type] = (record.frames[frame.type] || 0) + 1;
    if (frame.type === 'SETTINGS') record.settings.push(frame.settings);
    if (frame.type === 'GOAWAY') record.goaway = {last: frame.lastId, code: frame.code};
    if (frame.type === 'RST') record.resets[frame.code] = (record.resets[frame.code] || 0) + 1;
    if (frame.type === 'HEADERS' && frame.priority && frame.path)
      record.priorities[frame.id] = frame.priority.weight;
    if (frame.type === 'DATA') {
      // whose turn it was, without repetitions, and how far below zero the windows got: it counts
      // what it receives, and says nothing about it
      if (record.turns.at(-1) !== frame.id) record.turns.push(frame.id);
      const {window, stream} = connection._spdyState;
      record.least.session = Math.min(record.least.session, window.recv.current);
      if (frame.id in stream.map) {
        const left = stream.map[frame.id]._spdyState.window.recv.current - frame.data.length;
        record.least.stream = Math.min(record.least.stream, left);
      }
    }
  });
  connection.on('error', (error) => record.errors.push(error.message));
  connection.on('close', () => { record.closed = true; });
  socket.setNoDelay(true);
  connection.start(version);
  return {connection, record};
};

// A port that takes one command a connection: a line of JSON, answered by another.
const control = (commands) => new Promise((done) => {
  const server = net.createServer({allowHalfOpen: true}, (socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => {});
    socket.on('data', (chunk) => { text += chunk; });
    socket.on('end', async () => {
      const {run, ...rest} = JSON.parse(text);
      let answer;
      try {
        answer = await commands[run](rest);
      } catch (error) {
        answer = {failed: error.stack};
      }
      socket.end(JSON.stringify(answer) + '\n');
    });
  });
  server.listen(0, '127.0.0.1', () => done(server.address().port));
});

// Says where it listens, on one line.
exports.ready = async (commands, more = {}) => {
  console.log(JSON.stringify({ready: true, control: await control(commands), ...more}));
};

// A mistake of the transport's must not take the other tests with it, but is not hidden either.
const mistakes = [];
process.on('uncaughtException', (error) => mistakes.push(error.stack));
exports.mistakes = () => mistakes.splice(0);
