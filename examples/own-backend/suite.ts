// Holds the backend and the store against the suites of sessile. Any runner will do: hand over its describe and it.
import { backendSuite, type Runner, storeSuite } from 'sessile/conformance';
import { VersionedMap } from './versioned-map.js';
import { VersionedBackend, VersionedStore } from './versioned-store.js';

export function versionedSuites({ describe, it }: Runner): void {
  backendSuite({
    title: 'VersionedBackend',
    describe,
    it,
    create: () => new VersionedBackend(new VersionedMap()),
    destroy: (backend) => backend.close(),
  });

  storeSuite({
    title: 'VersionedStore',
    describe,
    it,
    create: (options) => new VersionedStore(new VersionedMap(), options),
    destroy: (store) => store.closeAsync(),
  });
}
