/** Languages: the browser's unless another was chosen. */

import { createContext, type ReactNode, use, useEffect, useMemo, useState } from "react";
import { en, type MessageKey } from "./en";
import { pt } from "./pt";

export type { MessageKey } from "./en";
export type Language = "en" | "pt";

const MESSAGES: Readonly<Record<Language, Readonly<Record<MessageKey, string>>>> = { en, pt };
const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", pt: "pt-BR" };
const KEY = "workspace.language";

/** Short leaves out the year. */
export type DateStyle = "short" | "day" | "moment";

type Values = Readonly<Record<string, string | number>>;
/** The base of a message that has one form for one and another for more. */
export type PluralKey = {
  [K in MessageKey]: K extends `${infer Base}.one` ? Base : never;
}[MessageKey];

export interface Words {
  readonly language: Language;
  readonly choose: (language: Language) => void;
  /** A message with its values put in. */
  readonly t: (key: MessageKey, values?: Values) => string;
  /** A message in the form that a count asks for; `{count}` is the count. */
  readonly n: (key: PluralKey, count: number) => string;
  /** A moment, as RFC 3339, the way people of this language write it. */
  readonly date: (moment: string, style?: DateStyle) => string;
}

const Context = createContext<Words | undefined>(undefined);

export function useWords(): Words {
  const words = use(Context);
  if (!words) throw new Error("no WordsProvider above");
  return words;
}

export function WordsProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = LOCALES[language];
  }, [language]);
  const words = useMemo(
    () =>
      wordsOf(language, (next) => {
        localStorage.setItem(KEY, next);
        setLanguage(next);
      }),
    [language],
  );
  return <Context value={words}>{children}</Context>;
}

/** The language that was chosen, or the first of the browser's that we speak. */
function firstLanguage(): Language {
  const chosen = localStorage.getItem(KEY);
  const candidates = [...(chosen ? [chosen] : []), ...navigator.languages];
  const spoken = candidates.map((tag) => tag.slice(0, 2)).find((tag) => tag in MESSAGES);
  return (spoken as Language | undefined) ?? "en";
}

export function wordsOf(language: Language, choose: (language: Language) => void): Words {
  const messages = MESSAGES[language];
  const locale = LOCALES[language];
  const numbers = once(() => new Intl.NumberFormat(locale));
  const plurals = once(() => new Intl.PluralRules(locale));
  const dates = (options: Intl.DateTimeFormatOptions) =>
    once(() => new Intl.DateTimeFormat(locale, options));
  const formats: Readonly<Record<DateStyle, () => Intl.DateTimeFormat>> = {
    short: dates({ day: "numeric", month: "short" }),
    day: dates({ dateStyle: "medium" }),
    moment: dates({ dateStyle: "medium", timeStyle: "short" }),
  };
  const t = (key: MessageKey, values: Values = {}) =>
    messages[key].replace(/\{(\w+)\}/g, (hole, name: string) => {
      const value = values[name];
      if (typeof value !== "number") return value ?? hole;
      // Nothing is grouped below a thousand, and most counts need no formatter.
      return Number.isInteger(value) && Math.abs(value) < 1000
        ? String(value)
        : numbers().format(value);
    });
  return {
    language,
    choose,
    t,
    n: (key, count) => {
      const form = plurals().select(count) === "one" ? "one" : "other";
      return t(`${key}.${form}` as MessageKey, { count });
    },
    date: (moment, style = "moment") => formats[style]().format(new Date(moment)),
  };
}

/** Made when it is first asked for: a formatter takes longer to make than a card to show. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
