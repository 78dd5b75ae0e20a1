package cairn.server.account;

import cairn.Fault;
import cairn.StoreException;
import java.util.Optional;

/**
 * Decides, for every door, whether what is made is encrypted. Cairn itself encrypts nothing that is stored: whoever
 * runs the server says that its data folder lies on encrypted storage, or nothing is encrypted here and nothing is said
 * to be.
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

        /** Of what is made from a source: what is encrypted stays so, by the source's key if no other is chosen. */
        public Choice over(Choice source) {
            return isEncrypted || source.isEncrypted ? new Choice(true, keyId.or(source::keyId)) : PLAIN;
        }
    }

    /** Refuses what only encrypted storage can keep. @throws StoreException INVALID_REQUEST where there is none */
    public void requireOffered() {
        if (!isOffered) {
            throw new StoreException(
                    Fault.INVALID_REQUEST,
                    "this server does not encrypt what it stores, and its operator has not said (--data-encrypted) that"
                            + " its data folder lies on encrypted storage");
        }
    }

    /**
     * What the caller gets who says nothing of it.
     *
     * @throws StoreException INVALID_REQUEST if its account encrypts by default, and nothing can be encrypted here any
     *     more
     */
    public Choice choose(Caller caller) {
        return choose(caller, Choice.PLAIN, Optional.empty(), Optional.empty());
    }

    /**
     * What the caller gets, who asks for it, or by its account's default, or as the source has it.
     *
     * @param source of which it is made; an encrypted one makes it encrypted, whatever is asked
     * @param asked empty: nothing is said
     * @param keyId that is named; empty: the source's, or the account's default
     * @throws StoreException INVALID_REQUEST if it is to be encrypted, the source is not, and nothing can be here
     */
    public Choice choose(Caller caller, Choice source, Optional<Boolean> asked, Optional<String> keyId) {
        AccountSettings chosen = settings.read(caller);
        boolean isWanted = asked.orElse(false) || chosen.encryptsByDefault();
        if (isWanted && !source.isEncrypted) {
            requireOffered();
        }
        return isWanted || source.isEncrypted
                ? new Choice(true, keyId.or(source::keyId).or(chosen::defaultKeyId))
                : Choice.PLAIN;
    }
}
