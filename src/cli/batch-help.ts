/** What store-file and fetch-file say about --batch. */

export const BATCH_HELP = `A batch has one operation a line, and one result line for each:
  put NAME PATH
  get NAME "a path with blanks"     in quotes, \\" and \\\\ stand for " and \\
  rm NAME                           # a comment
Lines are worked on side by side, those about the same name in their order. A line that fails is
reported with its number, the others go on, and the status is that of the first that failed.`;
