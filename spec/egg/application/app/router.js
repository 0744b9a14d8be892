const { setTimeout: pause } = require('node:timers/promises');

const parked = [];

module.exports = ({ router }) => {
  router.get('/', (ctx) => {
    ctx.body = ctx.session;
  });
  router.get('/set', (ctx) => {
    ctx.body = Object.assign(ctx.session, ctx.query);
  });
  router.get('/regenerate', async (ctx) => {
    await ctx.session.regenerate();
    ctx.body = ctx.session;
  });
  router.get('/logout', (ctx) => {
    ctx.session = null;
    ctx.body = {};
  });
  // Has its session, and changes it when it is released.
  router.get('/park', async (ctx) => {
    const { session } = ctx;
    await new Promise((release) => parked.push(release));
    ctx.body = Object.assign(session, ctx.query);
  });
  router.get('/parked/:count', async (ctx) => {
    while (parked.length < Number(ctx.params.count)) await pause(1);
    ctx.body = {};
  });
  router.get('/release', (ctx) => {
    for (const release of parked.splice(0)) release();
    ctx.body = {};
  });
};
