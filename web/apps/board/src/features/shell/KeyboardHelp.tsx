import { Dialog } from "@stackyard/ui/dialog";
import { type MessageKey, useWords } from "../../i18n";

type Line = readonly [keys: readonly string[], does: MessageKey];

const GROUPS: readonly (readonly [MessageKey, readonly Line[]])[] = [
  [
    "keys.group.anywhere",
    [
      [["N"], "keys.new"],
      [["/"], "keys.search"],
      [["V"], "keys.view"],
      [["C"], "keys.categories"],
      [["B"], "keys.branches"],
      [["U"], "keys.undo"],
      [["Esc"], "keys.escape"],
      [["?"], "keys.help"],
    ],
  ],
  [
    "keys.group.cards",
    [
      [["↑", "↓", "←", "→"], "keys.walk"],
      [["Enter"], "keys.open"],
      [["E"], "keys.edit"],
      [["X"], "keys.select"],
      [["Shift", "↓"], "keys.range"],
      [["Del"], "keys.delete"],
    ],
  ],
  [
    "keys.group.drag",
    [
      [["␣"], "keys.pick"],
      [["↑", "↓", "←", "→"], "keys.move"],
      [["Esc"], "keys.leave"],
    ],
  ],
];

export default function KeyboardHelp({ onClose }: { readonly onClose: () => void }) {
  const { t } = useWords();
  return (
    <Dialog title={t("keys.title")} closeLabel={t("action.close")} onClose={onClose}>
      {GROUPS.map(([group, lines]) => (
        <section key={group} className="keys">
          <h3>{t(group)}</h3>
          <dl>
            {lines.map(([keys, does]) => (
              <div key={does}>
                <dt>{t(does)}</dt>
                <dd>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}
