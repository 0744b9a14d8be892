/** Koa 3 is here under a name of its own, beside Koa 2. */
declare module 'koa3' {
  import Koa = require('koa');
  export default Koa;
}
