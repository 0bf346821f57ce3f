/** The app is one static shell: every screen is drawn on the phone, from the vault. */
export const ssr = false;
export const prerender = false;
