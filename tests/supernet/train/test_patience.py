from supernet.train.patience import Patience


def test_it_ends_after_epochs_that_are_no_better() -> None:
    patience = Patience(2)
    ended = []
    for epoch, top1 in enumerate((0.1, 0.5, 0.5, 0.4, 0.6), 1):
        patience.note(epoch, top1)
        ended.append(patience.is_over(epoch))
    assert ended == [False, False, False, True, False]


def test_it_goes_on_from_what_was_saved() -> None:
    patience, again = Patience(1), Patience(1)
    patience.note(3, 0.5)
    again.take(patience.to_json())
    assert again.to_json() == patience.to_json()
    assert again.is_over(4)


def test_without_a_number_it_never_ends() -> None:
    assert not Patience(None).is_over(1000)
