/** Keeps the screen lit while a code is shown, and takes the lock again when the app comes back to the front. */

/** Keeps the screen awake until the answer is called. Browsers without wake locks simply dim. */
export function keepAwake(): () => void {
  const end = new AbortController();
  let held: WakeLockSentinel | undefined;
  const take = async () => {
    if (document.visibilityState !== 'visible' || end.signal.aborted) return;
    held = await navigator.wakeLock?.request('screen').catch(() => undefined);
    if (end.signal.aborted) await held?.release();
  };
  document.addEventListener('visibilitychange', take, { signal: end.signal });
  void take();
  return () => {
    end.abort();
    void held?.release();
  };
}
