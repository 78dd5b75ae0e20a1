package cairn.server.account;

import java.util.Optional;

/**
 * Decides whether what is made is encrypted. Cairn itself encrypts nothing that is stored: whoever runs the server says
 * that its data folder lies on encrypted storage, or nothing is encrypted here and nothing is said to be.
 */
public final class Encryption {
    private final AccountSettingsRegistry settings;
    private final boolean isOffered;

    /** @param isOffered the data folder lies on encrypted storage */
    public Encryption(AccountSettingsRegistry settings, boolean isOffered) {
        this.settings = settings;
        this.isOffered = isOffered;
    }

    /** What is decided. @param keyId the label of the key, where one is named */
    public record Choice(boolean isEncrypted, Optional<String> keyId) {
        public static final Choice PLAIN = new Choice(false, Optional.empty());
    }

    /** Without it whoever asks for encryption has to be refused. */
    public boolean isOffered() {
        return isOffered;
    }

    /**
     * What the caller gets, who asks for it or by its account's default.
     *
     * @param asked empty: nothing is said
     * @param keyId that is named; empty: the account's default
     */
    public Choice choose(Caller caller, Optional<Boolean> asked, Optional<String> keyId) {
        if (!isOffered) {
            return Choice.PLAIN;
        }
        AccountSettings chosen = settings.read(caller);
        return asked.orElse(false) || chosen.encryptsByDefault()
                ? new Choice(true, keyId.or(chosen::defaultKeyId))
                : Choice.PLAIN;
    }
}
