// A NestJS app whose logins survive a restart: Nest on Express runs express-session, so a store is all there is to it.
// With TypeScript the decorators go where they always do; here they are called by hand, so that nothing has to be compiled.
//
//   node examples/nest/server.mjs
//   curl -c jar -b jar -X POST 'http://127.0.0.1:3000/login?name=ada'
//   curl -c jar -b jar http://127.0.0.1:3000
import 'reflect-metadata';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Controller, Get, HttpCode, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import session from 'express-session';
import { FileStore } from 'sessile/file';

const { PORT = '3000', SECRET = 'for trying it out, not for production' } = process.env;
const { SESSIONS = join(tmpdir(), 'sessile-example-nest') } = process.env;

class Visits {
  show({ session }) {
    if (session.name) session.visits += 1;
    return { name: session.name ?? null, visits: session.visits ?? 0 };
  }

  async login(req) {
    await promisify(req.session.regenerate.bind(req.session))();
    Object.assign(req.session, { name: req.query.name, visits: 0 });
    return { name: req.session.name };
  }

  async logout(req) {
    await promisify(req.session.destroy.bind(req.session))();
    return { name: null };
  }
}
decorate(Visits, 'show', Get('/'));
decorate(Visits, 'login', Post('login'), HttpCode(200));
decorate(Visits, 'logout', Post('logout'), HttpCode(200));
Controller()(Visits);

class App {}
Module({ controllers: [Visits] })(App);

/** What `@Get('/') show(@Req() req)` does. */
function decorate({ prototype }, name, ...decorators) {
  Req()(prototype, name, 0);
  for (const each of decorators) each(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
}

const store = new FileStore(SESSIONS);
const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
app.use(
  session({
    store,
    secret: SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 30 * 60_000, sameSite: 'lax' },
  }),
);
await app.listen(Number(PORT), '127.0.0.1');
console.log(await app.getUrl());
process.once('SIGTERM', async () => {
  await app.close();
  await store.closeAsync();
});
