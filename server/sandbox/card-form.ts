/**
 * What the bank's page does in the browser: a card number is checked before it is sent anywhere, by the same rule as here.
 * Without a script the page works all the same; then the bank checks alone.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

/** The rule itself, as a browser reads it. */
export function cardRuleScript(): string {
  return stripTypeScriptTypes(readFileSync(join(import.meta.dirname, '../../shared/rules/card-number.ts'), 'utf8'));
}

/** Holds back a form whose number is mistyped, of no bank here or too long, and says so where the bank would. */
export const CARD_FORM_SCRIPT = `
import { readCardNumber } from '/card-number.js';
const form = document.querySelector('form[data-faults]');
const faults = JSON.parse(form.dataset.faults);
const told = document.querySelector('[role=alert]') ?? document.createElement('p');
told.className = 'fault';
told.setAttribute('role', 'alert');
form.addEventListener('submit', (event) => {
  const { number } = form.elements;
  const read = readCardNumber(number.value);
  number.setAttribute('aria-invalid', String(typeof read === 'string'));
  if (typeof read !== 'string') return;
  event.preventDefault();
  told.textContent = faults[read];
  form.before(told);
  number.focus();
});
`;
