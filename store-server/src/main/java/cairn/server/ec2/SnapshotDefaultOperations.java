package cairn.server.ec2;

import cairn.server.account.AccountSettings;
import cairn.server.account.AccountSettings.SnapshotBlock;
import cairn.server.account.AccountSettingsRegistry;
import cairn.server.account.Encryption;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/** What an account chooses for all its snapshots and volumes in a region. */
public final class SnapshotDefaultOperations {
    private static final String STATE = "state";
    private static final String BY_DEFAULT = "ebsEncryptionByDefault";
    private static final String KEY = "kmsKeyId";

    private final AccountSettingsRegistry settings;
    private final Encryption encryption;

    public SnapshotDefaultOperations(AccountSettingsRegistry settings, Encryption encryption) {
        this.settings = settings;
        this.encryption = encryption;
    }

    public void addTo(Operations operations) {
        operations.add("EnableSnapshotBlockPublicAccess", request -> {
            SnapshotBlock block = block(request.arguments().text("State"));
            return changing(request, each -> each.with(block), SnapshotDefaultOperations::blockShown);
        });
        operations.add("DisableSnapshotBlockPublicAccess", request -> changing(
                request, each -> each.with(SnapshotBlock.UNBLOCKED), SnapshotDefaultOperations::blockShown));
        operations.add("GetSnapshotBlockPublicAccessState", request -> () ->
                blockShown(settings.read(request.caller())).put("managedBy", "account"));
        operations.add("EnableEbsEncryptionByDefault", request -> {
            EncryptionArguments.requireOffered(encryption);
            return changing(request, each -> each.withEncryptionByDefault(true), SnapshotDefaultOperations::byDefault);
        });
        operations.add("DisableEbsEncryptionByDefault", request -> changing(
                request, each -> each.withEncryptionByDefault(false), SnapshotDefaultOperations::byDefault));
        operations.add("GetEbsEncryptionByDefault", request -> () -> {
            AccountSettings chosen = settings.read(request.caller());
            return byDefault(chosen).put(
                    "sseType", ShownSnapshots.sseType(chosen.encryptsByDefault(), chosen.defaultKeyId()));
        });
        operations.add("GetEbsDefaultKmsKeyId", request -> () -> keyShown(settings.read(request.caller())));
        operations.add("ModifyEbsDefaultKmsKeyId", request -> {
            EncryptionArguments.requireOffered(encryption);
            String key = request.arguments().text("KmsKeyId");
            return changing(
                    request, each -> each.withDefaultKey(Optional.of(key)), SnapshotDefaultOperations::keyShown);
        });
        operations.add("ResetEbsDefaultKmsKeyId", request -> changing(
                request, each -> each.withDefaultKey(Optional.empty()), SnapshotDefaultOperations::keyShown));
    }

    private static SnapshotBlock block(String label) {
        return Arrays.stream(SnapshotBlock.values())
                .filter(each -> each.label().equals(label))
                .findFirst()
                .orElseThrow();
    }

    private Effect changing(
            Ec2Request request, UnaryOperator<AccountSettings> change, Function<AccountSettings, Answer> shown) {
        return () -> shown.apply(settings.change(request.caller(), change));
    }

    private static Answer blockShown(AccountSettings chosen) {
        return Answer.of().put(STATE, chosen.snapshotBlock().label());
    }

    private static Answer byDefault(AccountSettings chosen) {
        return Answer.of().put(BY_DEFAULT, chosen.encryptsByDefault());
    }

    private static Answer keyShown(AccountSettings chosen) {
        return Answer.of().put(KEY, chosen.defaultKeyId().orElse(ShownSnapshots.DEFAULT_KEY));
    }
}
