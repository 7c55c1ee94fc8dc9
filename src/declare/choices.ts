/**
 * `a,b` → a and b. A comma in quotes, or within brackets, belongs to a value: `'a,b',[1,2]` are two.
 * What is never closed is one value, so that whoever reads it can say what is wrong with it.
 */
export function splitChoices(text: string): readonly string[] {
  const choices: string[] = [];
  let start = 0;
  let depth = 0;
  let before = ",";
  for (let index = 0; index < text.length; index++) {
    const letter = text[index] ?? "";
    if ((letter === '"' || letter === "'") && OPENS.test(before)) {
      index = endOfQuote(text, index);
    } else if ("[{".includes(letter)) depth += 1;
    else if ("]}".includes(letter)) depth -= 1;
    else if (letter === "," && depth === 0) {
      choices.push(text.slice(start, index));
      start = index + 1;
    }
    if (letter.trim() !== "") before = letter;
  }
  if (depth !== 0) return [text.trim()];
  choices.push(text.slice(start));
  return choices.map((choice) => choice.trim());
}

/** In the middle of a word a quote is a letter. */
const OPENS = /[,:[{]/;

function endOfQuote(text: string, start: number): number {
  const quote = text[start];
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === "\\" && quote === '"') index += 1;
    else if (text[index] === quote) return index;
  }
  return text.length;
}
