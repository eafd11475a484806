import { X } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { Chip } from "./chip";
import type { ControlProps } from "./field";

interface TagInputProps {
  readonly control?: ControlProps;
  readonly label?: string;
  readonly value: readonly string[];
  readonly onChange: (tags: readonly string[]) => void;
  readonly placeholder?: string;
  readonly removeLabel: (tag: string) => string;
}

/** Add the tags that a text holds, apart by commas, leaving out what is there already. */
export function addTags(tags: readonly string[], text: string): readonly string[] {
  const wanted = text.split(",").map((tag) => tag.trim());
  return [...new Set([...tags, ...wanted.filter((tag) => tag !== "")])];
}

/** Words as chips: comma or Enter ends one, Backspace in the empty field takes the last away. */
export function TagInput(props: TagInputProps) {
  const { control, label, value, onChange, placeholder, removeLabel } = props;
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);

  const commit = (rest: string) => {
    const next = addTags(value, rest);
    if (next.length !== value.length) onChange(next);
    setText("");
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter" && text.trim() !== "") {
      event.preventDefault();
      commit(text);
    } else if (event.key === "Backspace" && text === "" && value.length > 0) {
      onChange(value.slice(0, -1));
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a click beside the words is one on the field
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard reaches the field itself
    <div
      className="ui-tags"
      data-invalid={control?.["aria-invalid"]}
      onClick={() => input.current?.focus()}
    >
      {value.map((tag) => (
        <Chip key={tag}>
          {tag}
          <button
            type="button"
            aria-label={removeLabel(tag)}
            onClick={() => onChange(value.filter((other) => other !== tag))}
          >
            <X aria-hidden />
          </button>
        </Chip>
      ))}
      <input
        {...control}
        ref={input}
        aria-label={label}
        value={text}
        placeholder={value.length === 0 ? placeholder : undefined}
        onChange={(event) =>
          event.target.value.includes(",")
            ? commit(event.target.value)
            : setText(event.target.value)
        }
        onKeyDown={onKeyDown}
        onBlur={() => text.trim() !== "" && commit(text)}
      />
    </div>
  );
}
