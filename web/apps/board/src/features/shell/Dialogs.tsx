import { lazy, Suspense } from "react";
import type { CategoriesData } from "../../data/hooks";
import { useApp, useStore } from "../../state/app";
import type { View } from "../../state/url";
import { changeView } from "../../state/use-view";

// None of these is needed to see the board.
const ItemDialog = lazy(() => import("../items/ItemDialog"));
const ItemFormDialog = lazy(() => import("../items/ItemFormDialog"));
const DeleteDialog = lazy(() => import("../items/DeleteDialog"));
const ConflictDialog = lazy(() => import("../items/ConflictDialog"));
const CategoriesDialog = lazy(() => import("../categories/CategoriesDialog"));
const BranchesDialog = lazy(() => import("../branches/BranchesDialog"));
const DiffDialog = lazy(() => import("../branches/DiffDialog"));
const KeyboardHelp = lazy(() => import("./KeyboardHelp"));

interface DialogsProps {
  readonly view: View;
  readonly categories: CategoriesData;
}

/** The one dialog that is open, if any. */
export function Dialogs({ view, categories }: DialogsProps) {
  const store = useApp().dialog;
  const dialog = useStore(store);
  const close = () => store.set(undefined);
  const { branch } = view;
  const content = () => {
    switch (dialog?.kind) {
      case "create":
        return (
          <ItemFormDialog
            key="create"
            branch={branch}
            categories={categories}
            status={dialog.status}
            onClose={close}
          />
        );
      case "edit":
        return (
          <ItemFormDialog
            key={dialog.id}
            branch={branch}
            categories={categories}
            id={dialog.id}
            onClose={close}
          />
        );
      case "delete":
        return <DeleteDialog branch={branch} items={dialog.items} onClose={close} />;
      case "categories":
        return <CategoriesDialog branch={branch} categories={categories} onClose={close} />;
      case "branches":
        return <BranchesDialog branch={branch} onClose={close} />;
      case "diff":
        return <DiffDialog name={dialog.name} against={dialog.against} onClose={close} />;
      case "conflicts":
        return <ConflictDialog branch={branch} categories={categories} onClose={close} />;
      case "keys":
        return <KeyboardHelp onClose={close} />;
      default:
        return (
          view.item !== undefined && (
            <ItemDialog
              key={view.item}
              branch={branch}
              id={view.item}
              categories={categories}
              onClose={() => changeView({ item: undefined })}
            />
          )
        );
    }
  };
  return <Suspense>{content()}</Suspense>;
}
