/**
 * The suites by which the stores and backends of this package are tested, for authors of others. They know no test
 * runner: hand them `describe` and `it` of mocha, vitest or node:test.
 */
export { type BackendSuiteOptions, backendCases, backendSuite } from './backend.js';
export { type CreateOptions, type Feature, features, type StoreSuiteOptions, storeCases, storeSuite } from './store.js';
export type { Case, Ground, Runner, Selection } from './suite.js';
