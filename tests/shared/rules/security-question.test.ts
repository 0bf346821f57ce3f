/** Which security questions there may be, and which words are the same answer. */
import { expect, test } from 'vitest';
import { questionFault, readAnswer } from '#shared/rules/security-question.ts';

// what was written | what a caller says | the same?
test.each([
  ['煤球', '煤球', true],
  ['煤球', ' 煤 球。', true],
  ['Mei Qiu', 'mei-qiu', true],
  ['ＭＥＩ１', 'mei1', true],
  ['Ärger', 'A\u0308RGER', true],
  ['煤球', '煤炭', false],
  ['Mei', 'Mey', false],
])('%j and %j: the same is %s', (one, other, same) => expect(readAnswer(one) === readAnswer(other)).toBe(same));

// question | answer | fault
test.each([
  ['第一只猫叫什么？', '煤球', undefined],
  ['First cat?', 'Coal', undefined],
  ['猫？', '煤球', 'question.short'],
  ['？？？？？', '煤球', 'question.short'],
  ['第一只猫叫什么？', '煤', 'question.answer-short'],
  ['第一只猫叫什么？', '--!', 'question.answer-short'],
  ['My cat Coal is called?', 'coal', 'question.answer-told'],
])('%j with %j: %s', (question, answer, fault) => expect(questionFault(question, answer)).toBe(fault));
