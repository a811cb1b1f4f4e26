// What can be wrong with a file of declarations: RM10xx.
import { type ErrorPage, object } from './error-page.ts'

export const FILE_CODES = {
  RM1001: {
    title: 'FileTooLarge',
    meaning:
      'A file of declarations may have 1 MiB, and all files of a source together 64 MiB. Split it into several files.',
    wrong: '# one file of 10 MB',
    right: '# ten files of at most 1 MiB each',
  },
  RM1002: {
    title: 'NotText',
    meaning:
      'The file holds a NUL or another control character, so it is no YAML text. Often an archive or an image has the wrong name, or the text was saved as UTF-16. Save it as UTF-8.',
    wrong: '# a picture named window.yaml',
    right: '# UTF-8 text',
  },
  RM1003: {
    title: 'NotUtf8',
    meaning: 'The file has bytes that are no UTF-8, for example from an older Windows code page. Save it as UTF-8.',
    wrong: '# "Büro" saved as Windows-1252',
    right: '# "Büro" saved as UTF-8',
  },
  RM1004: {
    title: 'YamlSyntax',
    meaning:
      'The text is no YAML 1.2. The position is where the parser noticed it; the cause is there or on the line above. Objects of this document are not looked at further until this is mended.',
    wrong: 'metadata:\n  name: servers\n   labels: {}',
    right: 'metadata:\n  name: servers\n  labels: {}',
  },
  RM1005: {
    title: 'TooDeep',
    meaning: 'Values are nested more than 64 levels deep. No object of Ringmaster needs more than a dozen.',
    wrong:
      'spec: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]',
    right: 'spec: []',
  },
  RM1006: {
    title: 'TooManyDocuments',
    meaning: 'One file may hold 10,000 documents (parted by `---`). Split it into several files.',
    wrong: '--- # 10,001 times',
    right: '--- # at most 10,000 times',
  },
  RM1007: {
    title: 'TooManyAliases',
    meaning:
      'A file may use 100 aliases (`*name`), and what they stand for may be 100,000 values when written out. More is the mark of a text made to fill the memory.',
    wrong: 'a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b] # and so on',
    right: 'c: [x, x]',
  },
  RM1008: {
    title: 'TagNotAllowed',
    meaning: 'Tags (`!name`) have no meaning here. To force text, use quotes.',
    wrong: 'description: !secret text',
    right: 'description: text',
  },
  RM1009: {
    title: 'DuplicateKey',
    meaning: 'A key stands twice in one mapping; YAML does not say which one counts. Remove one of them.',
    wrong: 'spec:\n  duration: PT4H\n  duration: PT5H',
    right: 'spec:\n  duration: PT4H',
  },
  RM1010: {
    title: 'MergeKey',
    meaning:
      'Merge keys (`<<`) are no part of YAML 1.2. Write the fields out, or share settings with a DeploymentTemplate.',
    wrong: 'deployment:\n  <<: *defaults',
    right: 'deployment:\n  deadlineAfter: P7D',
  },
  RM1011: {
    title: 'KeyNotText',
    meaning:
      'A key is a number, a boolean, null, a list or a mapping, or is reserved. Keys are text: put it in quotes.',
    wrong: 'labels:\n  1: one',
    right: 'labels:\n  "1": one',
  },
  RM1012: {
    title: 'NotFinite',
    meaning: 'The number is infinite, no number, or too large to be held exactly.',
    wrong: 'failureCount: 1e999',
    right: 'failureCount: 100',
  },
  RM1013: {
    title: 'UnknownAlias',
    meaning: 'The alias names no anchor above it in the same document, or lies inside of its own anchor.',
    wrong: 'exclude: *names',
    right: 'include: &names [servers]\nexclude: *names',
  },
  RM1014: {
    title: 'CannotRead',
    meaning: 'The file or folder cannot be read: it does not exist (any more), or permissions forbid it.',
    wrong: '# a file without read permission',
    right: '# chmod a+r FILE',
  },
  RM1015: {
    title: 'TooManyFiles',
    meaning: 'A source may hold 10,000 YAML files, in folders nested at most 32 deep. What is beyond was not read.',
    wrong: '# 10,001 files',
    right: '# several objects in one file, parted by ---',
  },
  RM1016: {
    title: 'TooManyObjects',
    meaning: 'A source may declare 20,000 objects.',
    wrong: '# 20,001 objects',
    right: '# fewer collections, with queries in place of one for each device',
  },
  RM1017: {
    title: 'OutsideSource',
    meaning: 'A symbolic link leads out of the source folder, or nowhere. Links are followed only within it.',
    wrong: '# extra.yaml -> /etc/extra.yaml',
    right: '# a copy of the file inside the folder',
  },
  RM1018: {
    title: 'NothingDeclared',
    meaning: 'The file or directory was named expressly, and holds no object of Ringmaster, or no YAML file.',
    wrong: '# an empty file',
    right: object('kind: Collection\n…'),
  },
  RM1019: {
    title: 'TooManyProblems',
    meaning: 'There are more problems than are listed (200 for one file). Mend the listed ones first.',
    wrong: '# …',
    right: '# …',
  },
  RM1020: {
    title: 'DirectoryEmptied',
    meaning:
      'The directory of a running controller has no YAML file any more, although objects of it are in force. Nothing is removed: a volume that is not mounted must not withdraw every approval. To remove everything, leave one file with a comment in it.',
    wrong: '# no file at all',
    right: '# nothing is declared here any more',
  },
} as const satisfies Record<string, ErrorPage>
