package cairn.server.ec2;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import java.util.Optional;
import java.util.function.Supplier;

/** What requests say about encryption: {@code Encrypted} and {@code KmsKeyId}. */
final class EncryptionArguments {
    private EncryptionArguments() {}

    /**
     * Decides by {@code Encrypted} and {@code KmsKeyId}.
     *
     * @param source of which something is made
     * @param arguments of a request or of one structure; empty: nothing is said
     * @throws Ec2Failure UnsupportedOperation where nothing is encrypted here; InvalidParameterDependency for a key
     *     without encryption
     */
    static Encryption.Choice choose(
            Encryption encryption, Caller caller, Encryption.Choice source, Optional<Arguments> arguments) {
        Optional<Boolean> asked = arguments.flatMap(each -> each.findFlag("Encrypted"));
        Optional<String> keyId = arguments.flatMap(each -> each.findText("KmsKeyId"));
        Encryption.Choice choice = telling(() -> encryption.choose(caller, source, asked, keyId));
        if (keyId.isPresent() && !choice.isEncrypted()) {
            throw new Ec2Failure(
                    "InvalidParameterDependency",
                    "The parameter KmsKeyId requires the parameter Encrypted to be set.");
        }
        return choice;
    }

    /** @throws Ec2Failure UnsupportedOperation where nothing is encrypted here */
    static void requireOffered(Encryption encryption) {
        telling(() -> {
            encryption.requireOffered();
            return Encryption.Choice.PLAIN;
        });
    }

    private static Encryption.Choice telling(Supplier<Encryption.Choice> decision) {
        try {
            return decision.get();
        } catch (StoreException e) {
            throw e.fault() == Fault.INVALID_REQUEST ? new Ec2Failure("UnsupportedOperation", e.getMessage()) : e;
        }
    }
}
