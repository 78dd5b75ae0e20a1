package cairn.server.account;

import java.util.Optional;

/**
 * What an account has chosen for all that it owns in one region.
 *
 * @param blocksPublicImages no image can be made public; one that is stays so
 * @param snapshotBlock whether snapshots can be public
 * @param encryptsByDefault new volumes and snapshots are encrypted, though nobody asks for it
 * @param defaultKeyId the label of the key where none is named
 */
public record AccountSettings(
        boolean blocksPublicImages,
        SnapshotBlock snapshotBlock,
        boolean encryptsByDefault,
        Optional<String> defaultKeyId) {
    public static final AccountSettings NEW =
            new AccountSettings(false, SnapshotBlock.UNBLOCKED, false, Optional.empty());

    /** Whether snapshots can be public, by EC2's names. */
    public enum SnapshotBlock {
        UNBLOCKED("unblocked"),
        /** None becomes public; one that is stays so. */
        NEW_SHARING("block-new-sharing"),
        /** None is public: one that was made public before is as if it were not. */
        ALL_SHARING("block-all-sharing");

        private final String label;

        SnapshotBlock(String label) {
            this.label = label;
        }

        public String label() {
            return label;
        }
    }

    public AccountSettings withPublicImagesBlocked(boolean areBlocked) {
        return new AccountSettings(areBlocked, snapshotBlock, encryptsByDefault, defaultKeyId);
    }

    public AccountSettings with(SnapshotBlock newBlock) {
        return new AccountSettings(blocksPublicImages, newBlock, encryptsByDefault, defaultKeyId);
    }

    public AccountSettings withEncryptionByDefault(boolean isOn) {
        return new AccountSettings(blocksPublicImages, snapshotBlock, isOn, defaultKeyId);
    }

    public AccountSettings withDefaultKey(Optional<String> newKeyId) {
        return new AccountSettings(blocksPublicImages, snapshotBlock, encryptsByDefault, newKeyId);
    }
}
