/** The camera goes off with the screen that opened it, whenever that goes. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCamera } from '#web/pay/camera.ts';

const ID = 'reader';
const devices = navigator.mediaDevices;
const ask = devices.getUserMedia.bind(devices);
let tracks: MediaStreamTrack[];
let box: HTMLElement;

beforeEach(() => {
  tracks = [];
  devices.getUserMedia = async (wish) => {
    const stream = await ask(wish);
    tracks.push(...stream.getTracks());
    return stream;
  };
  box = document.createElement('div');
  box.id = ID;
  document.body.append(box);
});
afterEach(() => {
  devices.getUserMedia = ask;
  box.remove();
});

async function open() {
  const opened = await startCamera(
    ID,
    () => undefined,
    () => undefined,
  );
  if (!opened.ok) throw new Error(opened.error.code);
  return opened.value;
}

/** Waits until pictures come. */
async function seen(): Promise<void> {
  await expect.poll(() => box.querySelector('video')?.currentTime ?? 0).toBeGreaterThan(0);
}

const on = () => tracks.map((track) => track.readyState);

test('it is on while it is used, and off afterwards', async () => {
  const camera = await open();
  await seen();
  expect(on()).toEqual(['live']);
  await camera.stop();
  expect(on()).toEqual(['ended']);
  expect(box.querySelector('video')).toBeNull();
});

test('it goes off when its screen goes before the first picture has come', async () => {
  const opening = open();
  box.remove();
  const camera = await opening;
  await camera.stop();
  expect(on()).toEqual(['ended']);
});

test('it goes off when it is stopped as soon as it stands, and opens again', async () => {
  const first = await open();
  await first.stop();
  const second = await open();
  await seen();
  await second.stop();
  expect(on()).toEqual(['ended', 'ended']);
});
