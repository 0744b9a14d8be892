module.exports = () => ({ keys: 'key of the spec', session: { maxAge: 3_600_000 } });
