// Egg in one process, as its documentation starts it. The spec says by how many ms the clock is ahead, and learns the port.
const egg = require('egg');

const { now } = Date;
let ahead = 0;
Date.now = () => now() + ahead;
process.on('message', (ms) => {
  ahead = ms;
  process.send('moved');
});
process.once('disconnect', () => process.exit());

const start = egg.start ?? egg.startEgg;
start({ baseDir: __dirname }).then((app) => {
  const server = app.listen(0, '127.0.0.1', () => process.send(server.address().port));
});
