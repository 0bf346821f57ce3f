/** The verbs of those who look after people: an operator's command beside the running house, and an agent's word at the desk. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'vitest';
import { checkLetter } from '#shared/rules/identity-number.ts';
import type { Person } from '#tests/kit/person.ts';
import { button, picture, type Town, told, words } from '#tests/kit/story.ts';

const ROOT = join(import.meta.dirname, '../..');
const PATIENCE_MS = 60_000;

/** What an operator types at a prompt of the house's machine, with who they are and why. */
export function command({ house }: Town, why: string, ...args: readonly string[]): void {
  const done = spawnSync(
    join(ROOT, 'node_modules/node/bin/node'),
    ['server/command.ts', ...args, '--who', 'Wang', '--why', why],
    { cwd: ROOT, env: house.environment, encoding: 'utf8' },
  );
  expect([done.status, done.stderr]).toEqual([0, '']);
}

/** Somebody who works at the desk: certified by name under a number of their own, then let in by the operator's command. */
export async function agent(town: Town, name: string, phone: string, code: string): Promise<Person> {
  const who = await town.newcomer(name, { called: '柳', phone });
  const { page } = who;
  await page.goto(`${town.house.origin}/desk`);
  await told(who, 'desk_none').waitFor();
  const wallet = (await page.locator('.number span').textContent()) ?? '';
  await page.goto(`${town.house.origin}/me/real-name`);
  const digits = `14010619900307${code}`;
  await page.getByLabel(words(who, 'me_real_name_name'), { exact: true }).fill('柳如是');
  await page.getByLabel(words(who, 'me_real_name_number'), { exact: true }).fill(digits + checkLetter(digits));
  await page.getByRole('checkbox').check();
  await button(who, 'me_real_name_send').click();
  await told(who, 'me_real_name_proved').waitFor({ timeout: PATIENCE_MS });
  command(town, 'works at the desk', 'agent', 'CN-SX', 'grant', wallet, name, 'cases,recovery');
  return who;
}

/** Opens the newest case of whoever the desk knows as `whose`. */
export async function openCase(town: Town, one: Person, whose: RegExp): Promise<void> {
  await one.page.goto(`${town.house.origin}/desk`);
  await one.page.getByRole('link', { name: whose }).first().click();
  await one.page.waitForURL(/\/desk\/./);
  await told(one, 'desk_decide').waitFor({ timeout: PATIENCE_MS });
  await picture(one, `desk-${one.name}`);
}
