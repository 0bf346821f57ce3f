/** Saves what was made here to the phone's own folder. */
import { saveBlob } from '#web/ui/save-blob.ts';

/** Offers `content` to be saved as `name`. */
export function saveFile(name: string, content: Uint8Array<ArrayBuffer> | string, type: string): void {
  saveBlob(name, new Blob([content], { type }));
}
