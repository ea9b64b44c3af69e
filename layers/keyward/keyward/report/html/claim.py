"""The page behind a one-time link, and the headers of everything that is answered there.

Nothing happens until the reader clicks: previews of links and scanners of mail only get the page.
The policy allows this one script and this one style by their hashes, and no other address.
"""

from __future__ import annotations

from keyward.report.html.document import document, policy_of
from keyward.report.html.markup import Markup
from keyward.report.html.script import COPY
from keyward.report.html.stylesheet import BASE

STYLE = (
    BASE
    + """
body{font-size:16px}
main{max-width:38rem;margin:0 auto;padding:12vh 20px 48px}
h1{font-size:26px;margin:0 0 12px}
h1[tabindex]:focus{outline:0}
h2{font-size:15px;font-weight:650;margin:28px 0 6px}
p{margin:0 0 16px}
button{font-size:16px;font-weight:600;min-height:44px;padding:8px 20px;border-radius:8px;
border-color:var(--link);background:var(--link);color:var(--ground)}
button.second{background:transparent;color:var(--link)}
button:disabled{opacity:.6;cursor:default}
pre{margin:0 0 12px;padding:14px 16px;font-size:14px}
"""
)

SCRIPT = (
    COPY
    + """
const part = (id) => document.getElementById(id);
const token = location.hash.slice(1);
const say = (text, isBad) => {
  part("said").textContent = text;
  part("said").className = isBad ? "bad" : "soft";
};
const copy = (from) => async () => {
  const done = await copied(part(from));
  say(done ? "Copied." : "It is selected: copy it with your keyboard.");
};
const show = (key) => {
  part("key").textContent = key.value;
  part("id").textContent = key.key_id;
  part("curl").textContent = "curl -H 'x-api-key: " + key.value + "' API_ADDRESS";
  part("ask").hidden = true;
  part("have").hidden = false;
  part("title").textContent = "Your API key";
  history.replaceState(null, "", location.pathname);
  say("");
  part("title").focus();
};
const end = (text, title) => {
  part("title").textContent = title || "This link does not work";
  part("ask").hidden = true;
  say(text, !title);
};
const claim = async () => {
  part("show").disabled = true;
  say("One moment.");
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    const found = await answer.json();
    if (answer.ok) return show(found);
    if (answer.status === 404 || answer.status === 410) return end(found.reason);
    say(found.reason, true);
  } catch {
    say("No answer came. Try again. If the link was used meanwhile, ask for a new one.", true);
  }
  part("show").disabled = false;
};
part("show").addEventListener("click", claim);
part("copy").addEventListener("click", copy("key"));
part("copy-curl").addEventListener("click", copy("curl"));
if (!token) {
  end("A key is shown once: if you saw it here and need it again, ask for a new link. " +
    "If not, copy the whole link from the message, with what follows the #.",
    "There is no key to show here");
}
"""
)

BODY = """
<main>
<h1 id="title" tabindex="-1">Your API key is ready</h1>
<div id="ask">
<p>This link shows the key once. Have a safe place ready for it, such as a password manager or the
secrets of your application.</p>
<p><button id="show" type="button">Show my key</button></p>
<noscript><p class="bad">This page needs JavaScript to show the key.</p></noscript>
</div>
<div id="have" hidden>
<p>Store it now: it is not shown again. Whoever has it can call the API in your name.</p>
<h2 id="key-name">Key</h2>
<pre id="key" tabindex="0" aria-labelledby="key-name"></pre>
<p><button id="copy" type="button">Copy the key</button></p>
<h2 id="curl-name">Try it</h2>
<p>Put the address of a call where it says <code>API_ADDRESS</code>. Whoever sent you this link has
it, or the documentation of the API.</p>
<pre id="curl" tabindex="0" aria-labelledby="curl-name"></pre>
<p><button id="copy-curl" type="button" class="second">Copy the command</button></p>
<p class="soft">Send the key in the header <code>x-api-key</code>. If you ask for help, name its id,
<code id="id"></code>, and never the key.</p>
</div>
<p id="said" role="status" aria-live="polite"></p>
</main>
"""

PAGE = document("Your API key", STYLE, SCRIPT, Markup(BODY))
POLICY = policy_of(STYLE, SCRIPT, img_src="data:", connect_src="'self'", frame_ancestors="'none'")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
}
