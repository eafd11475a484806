"""Operations of the workspace stack, run on the machine the stack runs on."""
