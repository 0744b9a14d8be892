import escapeHtml from 'escape-html';

/** What a page tells about the store behind it. */
export interface Keeping {
  /** As the code calls it: `FileStore`. */
  readonly store: string;
  /** Where it keeps sessions and what a restart does to them; goes on after the store's name and a comma. */
  readonly where: string;
}

interface Visit {
  readonly name: string;
  readonly visits: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly expires: Date | null | undefined;
}

/** The page of somebody who is not logged in; `refused` is what was sent and why it will not do. */
export function loginPage(keeping: Keeping, refused?: { name: string; complaint: string }): string {
  const field = refused === undefined ? '' : ' aria-invalid="true" aria-describedby="complaint"';
  return page(
    refused === undefined ? 'Log in' : 'Log in, please check the name',
    `<h1>Who is there?</h1>
      <p>Log in with a name and come back as often as you like. No password: this is an example.</p>
      <form method="post" action="/login">
        <label for="name">Your name</label>
        <input id="name" name="name" value="${escapeHtml(refused?.name ?? '')}" required maxlength="40" autocomplete="nickname"
          autofocus${field}>
        ${refused === undefined ? '' : `<p class="complaint" id="complaint" role="alert">${escapeHtml(refused.complaint)}</p>`}
        <button>Log in</button>
      </form>
      <p class="note">Sessions are kept by ${kept(keeping)}</p>`,
  );
}

/** The page of somebody who is logged in. */
export function visitPage({ name, visits, startedAt, expires }: Visit, keeping: Keeping): string {
  return page(
    'Your session',
    `<h1>Hello, <bdi>${escapeHtml(name)}</bdi></h1>
      <p class="counter"><strong id="visits">${visits}</strong> ${visits === 1 ? 'visit' : 'visits'} in this session</p>
      <dl>
        <div><dt>Started</dt><dd id="started">${time(new Date(startedAt))}</dd></div>
        <div><dt>Expires</dt><dd id="expires">${expires ? time(expires) : 'when the browser is closed'}
          <small>half an hour after your last visit</small></dd></div>
        <div><dt>Kept by</dt><dd id="kept">${kept(keeping)}</dd></div>
      </dl>
      <div class="actions">
        <a class="button" href="/">Visit again</a>
        <form method="post" action="/logout"><button class="quiet">Log out</button></form>
      </div>`,
  );
}

/** A page that says one thing and leads back. */
export function messagePage(title: string, text: string): string {
  return page(
    title,
    `<h1>${escapeHtml(title)}</h1>
      <p>${escapeHtml(text)}</p>
      <p><a class="button" href="/">Back to the page</a></p>`,
  );
}

function kept({ store, where }: Keeping): string {
  return `<code>${escapeHtml(store)}</code>, ${escapeHtml(where)}.`;
}

// The server cannot know the reader's time zone without a script in the page, so the text names the zone it is in.
const readable = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'long' });

function time(date: Date): string {
  return `<time datetime="${date.toISOString()}">${escapeHtml(readable.format(date))}</time>`;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%230f766e'/%3E%3C/svg%3E";

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(title)} · sessile</title>
    <link rel="icon" href="${ICON}">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <main>
      <p class="brand">sessile <span>on Express</span></p>
      ${main}
    </main>
  </body>
</html>
`;
}
