/** Packages that publish no types, as far as the specs use them. */
declare module 'session-file-store' {
  import type { Store } from 'express-session';

  const connect: (session: unknown) => new (options: Record<string, unknown>) => Store;
  export default connect;
}

declare module 'connect-pg-simple' {
  import type { Store } from 'express-session';

  const connect: (session: unknown) => new (options: Record<string, unknown>) => Store & { close(): Promise<void> };
  export default connect;
}

declare module 'express-mysql-session' {
  import type { Store } from 'express-session';

  const connect: (
    session: unknown,
  ) => new (
    options: Record<string, unknown>,
    connection?: unknown,
  ) => Store & { close(): Promise<void> };
  export default connect;
}
