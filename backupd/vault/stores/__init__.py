"""Object stores: one interface (`base.Store`), its implementations, and wrappers around any of them."""
