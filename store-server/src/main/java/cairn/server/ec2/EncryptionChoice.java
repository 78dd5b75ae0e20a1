package cairn.server.ec2;

import cairn.server.account.AccountSettings;
import cairn.server.image.VolumeSettings;
import java.util.Optional;

/**
 * Whether a new volume is encrypted.
 *
 * @param isThere the operator has said that what is stored lies encrypted
 * @param settings of the account, in the region
 */
record EncryptionChoice(boolean isThere, AccountSettings settings) {

    /**
     * @param volume encrypted if what it begins as is, which is never taken back
     * @throws Ec2Failure UnsupportedOperation if it is asked for and not there; InvalidParameterDependency for a key
     *     alone
     */
    VolumeSettings of(VolumeSettings volume, Optional<Boolean> asked, Optional<String> key) {
        boolean isAsked = asked.orElse(isThere && settings.encryptsByDefault());
        if (key.isPresent() && !isAsked && !volume.isEncrypted()) {
            throw new Ec2Failure(
                    "InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.");
        }
        if (isAsked && !isThere && !volume.isEncrypted()) {
            throw new Ec2Failure(
                    "UnsupportedOperation",
                    "Nothing is encrypted here: the server was started without --data-encrypted");
        }
        return isAsked || volume.isEncrypted()
                ? volume.encrypted(key.or(volume::keyId).or(settings::defaultKeyId))
                : volume;
    }
}
