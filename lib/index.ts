export type { Awaitable, Backend, Change, Entry, Touch } from './backend.js';
export { isExpired } from './backend.js';
export {
  type FileAdoption,
  FileBackend,
  type FileBackendOptions,
  FileStore,
  type FileStoreOptions,
  type SessionFileStoreOptions,
} from './backends/file.js';
export {
  AdoptedStore,
  type AdoptOptions,
  adopt,
  ForeignBackend,
  type ForeignBackendOptions,
} from './backends/foreign.js';
export { MemoryBackend, type MemoryBackendOptions, MemoryStore, type MemoryStoreOptions } from './backends/memory.js';
export {
  RedisBackend,
  type RedisBackendOptions,
  type RedisClient,
  type RedisClock,
  RedisStore,
  type RedisStoreOptions,
} from './backends/redis.js';
export {
  type SqliteAdoption,
  SqliteBackend,
  type SqliteBackendOptions,
  type SqliteDatabase,
  type SqliteStatement,
  SqliteStore,
  type SqliteStoreOptions,
  type SqliteValue,
} from './backends/sqlite.js';
export {
  type AnyStore,
  type CallbackifyOptions,
  type CallbackStore,
  callbackify,
  type ExpressStore,
  type PromisedStore,
  type PromiseStore,
  type PromisifyOptions,
  promisify,
} from './bridge.js';
export type { SessionChange } from './core.js';
export { codes, type SessileCode, SessileError } from './errors.js';
export {
  type CookieJar,
  type CookieJarOptions,
  type CookieKeys,
  type Fields,
  type GenericMemoryOptions,
  type GenericSession,
  type GenericSessionOptions,
  type GenericStore,
  type GenericStoreOptions,
  genericSession,
  type Key,
  type PerKey,
  perKey,
  toGenericStore,
  type ValueChange,
} from './facade.js';
export type { Concurrency } from './merge.js';
export type { Serializer } from './record.js';
export { type Callback, SessionStore, type StoreOptions } from './store.js';
