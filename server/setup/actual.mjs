/**
 * Fetches what Actual reads statements with, for the tests: its published source without the 170 MB that its program
 * stands on. Each package exactly as it was published once (Subresource Integrity), kept beside the installed ones.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureFetched, finish } from './fetched.mjs';

const PACKAGES = [
  [
    '@actual-app/core@26.9.0',
    'sha512-Nn6rxZQRoCYIaHtc0ZSAinA7RgYV24QuHW+XE3aJWBu9qcttjSUIBMQrBo+W960C++FcityvkIi3Yj1XIUGy+g==',
  ],
  ['xml2js@0.6.2', 'sha512-T4rieHaC1EXcES0Kxxj4JWgaUQHDk+qwHcYOCFHfiwKz7tOVPLq7Hjq9dM1WCMhylqMEfP7hMcOIChvotiZegA=='],
  ['sax@1.6.1', 'sha512-42tBVwLWnaQvW5zc4HbZrTuWccECCZfBi92FDuwtqxasH+JbPB3/FOKb1m222K42R4WxuxzzMsTswfzgtSu64Q=='],
  [
    'xmlbuilder@11.0.1',
    'sha512-fDlsI/kFEx7gLvbecc0/ohLG50fugQp8ryHzMTuW9vSa1GJ0XYWKnhsUx7oie3G98+r56aTQIUB4kht42R3JvA==',
  ],
];

/** The folder with Actual's source, fetched when it is not there yet. */
export function ensureActual() {
  const folder = ensureFetched('actual-26.9.0', (passing) => {
    for (const [name, integrity] of PACKAGES) fetchPackage(passing, name, integrity);
  });
  return join(folder, 'node_modules/@actual-app/core');
}

function fetchPackage(folder, name, integrity) {
  const place = join(folder, 'node_modules', name.slice(0, name.lastIndexOf('@')));
  mkdirSync(place, { recursive: true });
  finish('npm', ['pack', '--silent', '--pack-destination', place, name], place);
  const file = readdirSync(place).find((one) => one.endsWith('.tgz'));
  const found = createHash('sha512')
    .update(readFileSync(join(place, file)))
    .digest('base64');
  if (`sha512-${found}` !== integrity) throw new Error(`${name} is not what was published`);
  finish('tar', ['-xzf', file, '--strip-components=1'], place);
  rmSync(join(place, file));
}
