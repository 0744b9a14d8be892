// Mocha's spec reporter, or with `--reporter-option terse` what failed first, since a log may be kept by its first lines
// only: one line for each failure, then mocha's own account of it, then how many specs were skipped for which reason.
// Last the one plain line that continuous integration reads.
const { reporters, Runner } = require('mocha');

const { EVENT_RUN_END, EVENT_TEST_PENDING, EVENT_TEST_FAIL } = Runner.constants;
/** In characters, of what is told of one failure before mocha's account. */
const LONGEST_LINE = 800;

module.exports = class Reporter {
  constructor(runner, options) {
    const terse = options.reporterOptions?.terse !== undefined;
    const shown = terse ? new reporters.Base(runner, options) : new reporters.Spec(runner, options);
    const failed = [];
    const skipped = new Map();
    runner.on(EVENT_TEST_FAIL, (test, error) => failed.push(`failed: ${test.fullTitle()}: ${onOneLine(error)}`));
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

/** What a child that failed wrote is in its message, and its cause seldom in the first lines. */
function onOneLine(error) {
  return String(error?.message ?? error)
    .replaceAll(/\s*\n\s*/g, ' | ')
    .slice(0, LONGEST_LINE);
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
