const { eggStore } = require('sessile/egg');
const { FileStore } = require('sessile/file');

module.exports = (app) => {
  app.sessionStore = eggStore(new FileStore(process.env.SESSIONS));
};
