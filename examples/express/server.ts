import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { SessileError, type SessionStore } from 'sessile';
import { createApp } from './app.js';
import { isCoded, makeDataDir, readSecret, readSettings, SetupError } from './settings.js';

/**
 * How long, in ms, answers under way may take after the server was told to stop. Browsers open connections in advance
 * that never carry a request, and Node waits for those too; so this is also how long Ctrl-C may take.
 */
const PATIENCE = 1_000;

async function start(): Promise<void> {
  const { choice, port, dataDir } = readSettings(process.env);
  await makeDataDir(dataDir);
  const { secret, from } = await readSecret(process.env, dataDir);
  const store = await choice.open(dataDir);
  const server = createServer(createApp({ store, keeping: choice, secret }));
  try {
    await listen(server, port);
  } catch (error) {
    await store.closeAsync();
    throw error;
  }
  stopOnSignal(server, store);
  console.log(`Open ${urlOf(server)}`);
  console.log(`Sessions are kept by ${choice.store}, ${choice.where}.`);
  console.log(`Cookies are signed with ${from === 'SESSION_SECRET' ? from : `the secret in ${from}`}.`);
  console.log('Ctrl-C stops the server.');
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port);
  try {
    await once(server, 'listening');
  } catch (error) {
    if (isCoded(error, 'EADDRINUSE')) {
      throw new SetupError(
        `Port ${port} is taken. Choose another one: PORT=${port === 65_535 ? 3_000 : port + 1} npm start`,
      );
    }
    if (isCoded(error, 'EACCES')) throw new SetupError(`Port ${port} may not be used by you. Choose one above 1023`);
    throw error;
  }
}

function urlOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `http://localhost:${address.port}` : String(address);
}

/** The first signal stops the server in order; a second one finds no listener any more and ends the process at once. */
function stopOnSignal(server: Server, store: SessionStore): void {
  const stop = () => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    stopAll(server, store).catch(fail);
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}

/** Requests first, store last: an answer under way may still have to save its session. */
async function stopAll(server: Server, store: SessionStore): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const overdue = setTimeout(() => server.closeAllConnections(), PATIENCE);
  await closed;
  clearTimeout(overdue);
  await store.closeAsync();
  console.log('Stopped.');
}

function fail(error: unknown): void {
  const explained = error instanceof SetupError || error instanceof SessileError;
  console.error(explained ? error.message : error);
  process.exitCode = 1;
}

start().catch(fail);
