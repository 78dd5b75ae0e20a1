package cairn.server.ec2;

import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import java.util.Optional;

/** What requests say about encryption: {@code Encrypted} and {@code KmsKeyId}. */
final class EncryptionArguments {
    private EncryptionArguments() {}

    /**
     * @throws Ec2Failure UnsupportedOperation where nothing is encrypted here; InvalidParameterDependency for a key
     *     without encryption
     */
    static Encryption.Choice choose(
            Encryption encryption, Caller caller, Optional<Boolean> asked, Optional<String> keyId) {
        if (keyId.isPresent() && !asked.orElse(false)) {
            throw new Ec2Failure(
                    "InvalidParameterDependency",
                    "The parameter KmsKeyId requires the parameter Encrypted to be set.");
        }
        if (asked.orElse(false) && !encryption.isOffered()) {
            throw new Ec2Failure(
                    "UnsupportedOperation",
                    "This server does not encrypt what it stores, and its operator has not said (--data-encrypted) that"
                            + " its data folder lies on encrypted storage");
        }
        return encryption.choose(caller, asked, keyId);
    }
}
