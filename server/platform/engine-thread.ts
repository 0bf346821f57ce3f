/** The thread of the embedded engine: opens the folder it is given and answers statements. */
import { type EngineQuestion, openEngine, type Table } from '#server/platform/engine.ts';
import { aboutThread, answerQuestions } from '#server/platform/thread.ts';

const NOTHING: Table = { names: [], rows: [] };

const opening = openEngine({ dataDir: aboutThread<string>() });
// Whoever asks it to open is told why it could not.
opening.catch(() => undefined);

answerQuestions(async (question: EngineQuestion) => {
  const engine = await opening;
  if (question === 'open') return NOTHING;
  if (question !== 'close') return engine.ask(question);
  await engine.close();
  return NOTHING;
});
