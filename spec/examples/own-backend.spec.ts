import { versionedSuites } from '../../examples/own-backend/suite.js';

// The guide's backend, held against the published suites in dist/, as an author of another backend would.
versionedSuites({ describe, it });
