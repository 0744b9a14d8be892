/** Express 4 under another name, so that both versions can be installed. The suite uses what they have in common. */
declare module 'express4' {
  import express from 'express';
  export default express;
}
