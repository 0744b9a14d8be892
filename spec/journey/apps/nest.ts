import 'reflect-metadata';
import { Controller, Get, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Face, Settings } from '../../conformance/journey/face.js';
import { running } from '../listen.js';
import { middleware, visitOf } from './express.js';

type Request = Parameters<typeof visitOf>[0] & { url: string };

/** Decorators are functions: called by hand they need no compiler that knows them. */
function moduleFor({ answer }: Settings): new () => object {
  class Journey {
    any(req: Request): Promise<object> {
      return answer(req.url, visitOf(req));
    }
  }
  const method = Object.getOwnPropertyDescriptor(Journey.prototype, 'any') as PropertyDescriptor;
  Req()(Journey.prototype, 'any', 0);
  Get('*path')(Journey.prototype, 'any', method);
  Controller()(Journey);

  class App {}
  Module({ controllers: [Journey] })(App);
  return App;
}

export const faces: readonly Face[] = [
  {
    name: 'NestJS (on Express)',
    start: async (settings) => {
      const app = await NestFactory.create(moduleFor(settings), { logger: false });
      app.use(middleware(settings));
      await app.listen(0, '127.0.0.1');
      const server = app.getHttpServer() as Parameters<typeof running>[0];
      const { port } = running(server);
      return {
        port,
        close: async () => {
          server.closeAllConnections();
          await app.close();
        },
      };
    },
  },
];
