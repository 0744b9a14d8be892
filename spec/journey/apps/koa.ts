import type { Context } from 'koa';
import type { Face, Fields } from '../../conformance/journey/face.js';
import { type Host, hosts } from '../../koa/hosts.js';
import { listen, withoutCookie } from '../listen.js';

function face(name: string, hostName: string): Face {
  const host = hosts.find((each) => each.name === hostName) as Host;
  return {
    name,
    start: ({ store, maxAge, rolling, answer }) => {
      const app = new host.Application();
      app.keys = ['of the journey'];
      app.on('error', () => {});
      host.use(app, store, { maxAge, rolling, signed: true });
      app.use(async (ctx: Context) => {
        ctx.body = await answer(ctx.url, {
          read: () => withoutCookie(JSON.parse(JSON.stringify(ctx['session'] ?? {})) as Fields),
          write: (changes) => Object.assign(ctx['session'], changes),
          remove: (key) => delete ctx['session'][key],
          regenerate: () => host.regenerate(ctx),
          end: () => {
            ctx['session'] = null;
          },
        });
      });
      return listen(app.callback());
    },
  };
}

export const faces: readonly Face[] = [
  face('Koa 3 (`sessile/koa`)', 'sessile/koa on Koa 3'),
  face('Koa 3 (koa-session)', 'koa-session 7 on Koa 3'),
  face('Koa 2 (koa-generic-session)', 'koa-generic-session on Koa 2'),
  face('Koa 2 (koa-session-ts)', 'koa-session-ts on Koa 2'),
  face('Egg 3 (egg-session)', 'egg-session 3'),
  face('Egg 4 (@eggjs/session)', '@eggjs/session 4'),
];
