import * as Radix from "@radix-ui/react-switch";

interface SwitchProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Switch({ label, checked, onChange }: SwitchProps) {
  return (
    <Radix.Root
      className="ui-switch"
      aria-label={label}
      title={label}
      checked={checked}
      onCheckedChange={onChange}
    >
      <Radix.Thumb />
    </Radix.Root>
  );
}
