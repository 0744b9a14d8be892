declare module 'generic-session' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  type Session = import('./visitor.js').Handle;
  type Store = import('../../lib/facade.js').GenericStore;
  type Filter = (store: Store, options?: object) => (req: object, res: object, next: () => void) => void;

  interface GenericSession {
    (req: IncomingMessage, res: ServerResponse, store: Store, options?: object): Session;
    filter: Filter;
    middleware: Filter;
    MemoryStore(options?: { cache?: { max?: number; maxAge?: number } }): Store;
  }

  const genericSession: GenericSession;
  export default genericSession;
}
