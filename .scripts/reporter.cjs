// Mocha's spec reporter, or with `--reporter-option terse` what failed first, since a log may be kept by its first lines
// only: one line for each failure, then mocha's own account of it, then how many specs were skipped for which reason.
// Last the one plain line that continuous integration reads.
const { reporters, Runner } = require('mocha');

const { EVENT_RUN_END, EVENT_TEST_PENDING, EVENT_TEST_FAIL } = Runner.constants;

module.exports = class Reporter {
  constructor(runner, options) {
    const terse = options.reporterOptions?.terse !== undefined;
    const shown = terse ? new reporters.Base(runner, options) : new reporters.Spec(runner, options);
    const failed = [];
    const skipped = new Map();
    runner.on(EVENT_TEST_FAIL, (test, error) => failed.push(`failed: ${test.fullTitle()}: ${firstLine(error)}`));
    runner.on(EVENT_TEST_PENDING, (test) => count(skipped, suiteAndReason(test)));
    runner.once(EVENT_RUN_END, () => {
      if (terse) {
        for (const line of failed) console.log(line);
        shown.epilogue();
        for (const [what, times] of skipped) console.log(`skipped: ${times} of ${what}`);
      }
      const { passes, failures, pending } = shown.stats;
      console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
    });
  }
};

function firstLine(error) {
  return String(error?.message ?? error).split('\n', 1)[0];
}

/** The outermost suite's title and the reason, which a skipped spec has in its title. */
function suiteAndReason(test) {
  const [suite] = test.titlePath();
  const reason = /\(skipped: (.*)\)$/.exec(test.title)?.[1] ?? test.title;
  return `${suite}: ${reason}`;
}

function count(map, key) {
  map.set(key, (map.get(key) ?? 0) + 1);
}
