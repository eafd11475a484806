import {
  Button,
  IconButton,
  Menu,
  MenuChoice,
  MenuItem,
  MenuLine,
  Segments,
  useTheme,
} from "@stackyard/ui";
import { Columns3, Eye, Keyboard, LogOut, Plus, Settings2, Shapes, Table2 } from "lucide-react";
import { type Language, useWords } from "../../i18n";
import { useApp, useMay, useStore } from "../../state/app";
import type { View } from "../../state/url";
import { changeView } from "../../state/use-view";
import { BranchButton } from "../branches/BranchButton";
import { SearchField } from "../filters/SearchField";

export function Header({ view }: { readonly view: View }) {
  const { t } = useWords();
  const { dialog } = useApp();
  const editor = useMay("editor");
  return (
    <header className="header">
      <div className="header__brand">
        <span className="header__mark" aria-hidden>
          <Columns3 />
        </span>
        <h1>{t("app.title")}</h1>
        <BranchButton branch={view.branch} />
      </div>
      <SearchField q={view.q} />
      <div className="header__actions">
        <Segments
          label={t("view.label")}
          value={view.kind}
          onChange={(kind) => changeView({ kind, sort: undefined })}
          options={[
            { value: "board", label: t("view.board"), icon: <Columns3 aria-hidden /> },
            { value: "table", label: t("view.table"), icon: <Table2 aria-hidden /> },
          ]}
        />
        <SettingsMenu />
        {editor ? (
          <Button
            look="primary"
            className="header__add"
            icon={<Plus aria-hidden />}
            onClick={() => dialog.set({ kind: "create", status: "new" })}
          >
            <span>{t("action.add")}</span>
          </Button>
        ) : (
          <span className="header__readonly" title={t("session.readonly.note")}>
            <Eye aria-hidden />
            {t("session.readonly")}
          </span>
        )}
      </div>
    </header>
  );
}

const LANGUAGES: readonly { readonly value: Language; readonly label: string }[] = [
  { value: "en", label: "English" },
  { value: "pt", label: "Português" },
];

function SettingsMenu() {
  const { t, language, choose } = useWords();
  const { dialog, workspace } = useApp();
  const session = useStore(workspace.session.state);
  const [theme, chooseTheme] = useTheme();
  return (
    <Menu
      align="end"
      trigger={<IconButton label={t("settings.label")} icon={<Settings2 aria-hidden />} />}
    >
      <MenuItem
        icon={<Shapes aria-hidden />}
        end={<kbd>C</kbd>}
        onSelect={() => dialog.set({ kind: "categories" })}
      >
        {t("settings.categories")}
      </MenuItem>
      <MenuItem
        icon={<Keyboard aria-hidden />}
        end={<kbd>?</kbd>}
        onSelect={() => dialog.set({ kind: "keys" })}
      >
        {t("settings.keys")}
      </MenuItem>
      <MenuLine />
      <MenuChoice
        label={t("settings.theme")}
        value={theme}
        onChange={chooseTheme}
        options={(["system", "light", "dark"] as const).map((value) => ({
          value,
          label: t(`theme.${value}`),
        }))}
      />
      <MenuLine />
      <MenuChoice
        label={t("settings.language")}
        value={language}
        onChange={choose}
        options={LANGUAGES}
      />
      {session.kind === "signed-in" && (
        <>
          <MenuLine />
          <MenuItem
            icon={<LogOut aria-hidden />}
            end={t(`role.${session.me.role}`)}
            onSelect={() => workspace.signOut()}
          >
            {t("session.signOut", { name: session.me.name })}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
