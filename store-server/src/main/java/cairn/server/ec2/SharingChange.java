package cairn.server.ec2;

import cairn.StoreException;
import cairn.image.AccountId;
import cairn.server.account.Sharing;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** How a request changes whom something is shared with, in whichever of EC2's two forms it came. */
record SharingChange(Set<AccountId> added, Set<AccountId> removed, boolean addsAll, boolean removesAll) {
    private static final String ALL = "all";
    private static final String USER = "UserId";
    private static final String GROUP = "Group";
    private static final String GROUPS = "UserGroup";
    private static final String OPERATION = "OperationType";

    /** Accounts and groups, of which there is one. */
    private record Listed(Set<AccountId> accounts, boolean hasAll) {}

    /**
     * @param structure the name of the newer form's, {@code CreateVolumePermission} for example
     * @param invalid the code for a group or an account that there cannot be
     * @throws Ec2Failure MissingParameter, InvalidParameterCombination
     */
    static SharingChange of(Arguments arguments, String structure, String invalid) {
        boolean isOlder = arguments.has(OPERATION) || arguments.has(USER) || arguments.has(GROUPS);
        if (isOlder && arguments.has(structure)) {
            throw new Ec2Failure(
                    "InvalidParameterCombination",
                    "The parameter " + structure + " cannot be used with OperationType, UserId and UserGroup");
        }
        return isOlder ? older(arguments, invalid) : newer(arguments, structure, invalid);
    }

    private static SharingChange older(Arguments arguments, String invalid) {
        String operation = arguments.text(OPERATION);
        Listed listed = listed(arguments.texts(USER), arguments.texts(GROUPS), invalid);
        if (listed.accounts.isEmpty() && !listed.hasAll) {
            throw Ec2Failure.missing(USER);
        }
        return operation.equals("add")
                ? new SharingChange(listed.accounts, Set.of(), listed.hasAll, false)
                : new SharingChange(Set.of(), listed.accounts, false, listed.hasAll);
    }

    private static SharingChange newer(Arguments arguments, String structure, String invalid) {
        Arguments items = arguments.findStructure(structure).orElseThrow(() -> Ec2Failure.missing(structure));
        Listed added = listed(items.structures("Add"), invalid);
        Listed removed = listed(items.structures("Remove"), invalid);
        return new SharingChange(added.accounts, removed.accounts, added.hasAll, removed.hasAll);
    }

    private static Listed listed(List<Arguments> items, String invalid) {
        List<String> accounts = new ArrayList<>();
        List<String> groups = new ArrayList<>();
        for (Arguments item : items) {
            item.findText(USER).ifPresent(accounts::add);
            item.findText(GROUP).ifPresent(groups::add);
        }
        return listed(accounts, groups, invalid);
    }

    private static Listed listed(List<String> accounts, List<String> groups, String invalid) {
        for (String group : groups) {
            if (!group.equals(ALL)) {
                throw new Ec2Failure(invalid, "Invalid attribute item value \"" + group + "\" for group item type.");
            }
        }
        Set<AccountId> ids = new HashSet<>();
        accounts.forEach(each -> ids.add(account(each, invalid)));
        return new Listed(ids, !groups.isEmpty());
    }

    private static AccountId account(String text, String invalid) {
        try {
            return new AccountId(text);
        } catch (StoreException e) {
            throw new Ec2Failure(invalid, "Invalid attribute item value \"" + text + "\" for userId item type.");
        }
    }

    /** What is both added and removed is removed. */
    Sharing of(Sharing before) {
        Set<AccountId> accounts = new HashSet<>(before.accounts());
        accounts.addAll(added);
        accounts.removeAll(removed);
        return new Sharing((before.isPublic() || addsAll) && !removesAll, accounts);
    }
}
