"""The methods on small tensors, with values computed by hand or from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.merging import methods
from engine.merging.compute import generator_for
from engine.merging.sparsify import drop_extremes, keep_by_rank, keep_largest, keep_random, largest
from engine.merging.spheres import PIECE, cosine, dot, l1, norm
from engine.merging.task_vectors import random_subset, task_arithmetic, top_magnitudes

T = torch.tensor


def close(actual: torch.Tensor, expected: object, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(actual, torch.as_tensor(expected), rtol=0, atol=tolerance)


def test_linear() -> None:
    close(methods.linear([T([1.0, 2.0]), T([3.0, 6.0])], [1, 3]), [2.5, 5.0])
    close(methods.linear([T([1.0, 2.0]), T([3.0, 6.0])], [1, 3], normalize=False), [10.0, 20.0])
    close(methods.linear([T([1.0]), T([3.0])], [1, -1]), [-2.0])  # a sum of zero cannot normalise


def test_slerp_walks_a_quarter_circle() -> None:
    half = math.sqrt(0.5)
    close(methods.slerp(T([1.0, 0.0]), T([0.0, 1.0]), t=0.5), [half, half])
    close(methods.slerp(T([1.0, 0.0]), T([0.0, 1.0]), t=1 / 3), [math.cos(math.pi / 6), 0.5])
    # Lengths are not normalised away.
    close(methods.slerp(T([4.0, 0.0]), T([0.0, 2.0]), t=0.5), [4 * half, 2 * half])


@pytest.mark.parametrize("t", [0.0, 1.0])
def test_slerp_ends_at_its_models(t: float) -> None:
    a, b = torch.randn(20), torch.randn(20)
    close(methods.slerp(a.clone(), b.clone(), t=t), b if t else a)


def test_slerp_is_straight_between_near_parallels() -> None:
    a = T([1.0, 1.0, 1.0])
    close(methods.slerp(a.clone(), 3 * a, t=0.25), 1.5 * a)
    close(methods.slerp(a.clone(), -a, t=0.25), 0.5 * a)
    zero = methods.slerp(torch.zeros(3), T([0.0, 2.0, 0.0]), t=0.5)  # no angle: taken as a right one
    close(zero, [0.0, 2 * math.sin(math.pi / 4), 0.0])


def test_slerp_cancels_exactly() -> None:
    """Opposite elements give zero at half-way, not a rounding error that survives in 16 bits."""
    a, b = T([0.3, 0.1, 0.7]), T([0.1, -0.1, 0.9])
    assert methods.slerp(a, b, t=0.5)[1] == 0


def test_nuslerp_of_changes_and_along_dimensions() -> None:
    a, b, base = T([[3.0, 1.0], [1.0, 1.0]]), T([[1.0, 2.0], [1.0, 2.0]]), torch.ones(2, 2)
    close(
        methods.nuslerp([a.clone(), b.clone()], [1, 1], base=base),
        base + methods.slerp(a - 1, b - 1, t=0.5),
    )
    rows = methods.nuslerp([a.clone(), b.clone()], [1, 3], flatten=False)
    for index in range(2):
        close(rows[index], methods.slerp(a[index].clone(), b[index].clone(), t=0.75))
    columns = methods.nuslerp([a.clone(), b.clone()], [1, 3], flatten=False, row_wise=True)
    for index in range(2):
        close(columns[:, index], methods.slerp(a[:, index].clone(), b[:, index].clone(), t=0.75))
    # Weights that cancel mean half-way.
    close(methods.nuslerp([a.clone(), b.clone()], [1, -1]), methods.slerp(a.clone(), b.clone(), t=0.5))


def test_sphere_means_of_two_are_half_way_on_the_arc() -> None:
    a, b = T([2.0, 0.0, 0.0]), T([0.0, 4.0, 0.0])
    middle = 3 * T([math.sqrt(0.5), math.sqrt(0.5), 0.0])
    close(methods.karcher([a.clone(), b.clone()]), middle, 1e-5)
    close(methods.multislerp([a.clone(), b.clone()], [1, 1]), middle, 1e-5)


def test_karcher_mean_has_no_pull_to_any_side() -> None:
    torch.manual_seed(1)
    points = [torch.randn(8) + 2 for _ in range(4)]
    mean = methods.karcher([point.clone() for point in points], max_iter=50, tol=1e-9)
    assert norm(mean) == pytest.approx(sum(norm(point) for point in points) / 4, rel=1e-5)
    unit = mean / mean.norm()
    pull = torch.zeros(8)
    for point in points:
        own = point / point.norm()
        angle = torch.acos((own @ unit).clamp(-1, 1))
        tangent = own - (own @ unit) * unit
        pull += angle * tangent / tangent.norm()
    assert pull.norm() < 1e-4


def test_multislerp_of_changes_from_a_base() -> None:
    base = T([1.0, 1.0])
    result = methods.multislerp([T([3.0, 1.0]), T([1.0, 3.0])], [0.5, 0.5], base=base)
    close(result, base + 2 * T([math.sqrt(0.5), math.sqrt(0.5)]), 1e-5)
    opposite = methods.multislerp([T([2.0, 1.0]), T([0.0, 1.0])], [0.5, 0.5], base=base)
    close(opposite, base)  # opposite directions have no mean


def test_model_stock_follows_the_agreement() -> None:
    base = T([[1.0, 1.0], [2.0, 2.0]])
    right, up = T([[1.0, 0.0], [1.0, 0.0]]), T([[0.0, 1.0], [1.0, 0.0]])
    # All alike: c = 1, t = 1, the average. At right angles: c = 0, t = 0, the base.
    close(methods.model_stock(base.clone(), [base + right, base + right]), base + right)
    rows = methods.model_stock(base.clone(), [base + right, base + up], filter_wise=True)
    close(rows, [[1.0, 1.0], [3.0, 2.0]])
    # Whole tensor: c = 1/2, N = 2: t = 1 / 1.5
    whole = methods.model_stock(base.clone(), [base + right, base + up])
    close(whole, base + (right + up) / 2 / 1.5)


def test_nearswap_takes_near_values_whole() -> None:
    base, other = T([1.0, 1.0, 1.0]), T([1.05, 1.4, 1.0])
    # w = min(1, 0.1 / distance): 1, 1/4, 1
    close(methods.nearswap(base, other, t=0.1), [1.05, 1.1, 1.0])


def test_sce_weights_by_energy_and_erases_the_minority() -> None:
    a, b, c = T([2.0, 1.0]), T([2.0, 3.0]), T([-1.0, 0.0])
    # Sums are 3 and 4: plus. Energies 5, 13, 1. First element: (5*2 + 13*2) / 18. Second: (5 + 39) / 18.
    close(methods.sce(torch.zeros(2), [a, b, c]), [2.0, 44 / 18])


def test_sce_selects_what_varies() -> None:
    a, b = T([1.0, 5.0, 1.0, 0.0]), T([1.0, 1.0, 2.0, 0.0])
    # Two elements vary at all; half of them is one: the second.
    kept = methods.sce(torch.zeros(4), [a, b], select_topk=0.5)
    close(kept, [0.0, (25 * 5 + 1 * 1) / 26, 0.0, 0.0])


def test_task_arithmetic() -> None:
    base, a, b = T([1.0, 1.0]), T([2.0, 1.0]), T([1.0, 5.0])
    close(task_arithmetic(base.clone(), [a.clone(), b.clone()], [0.5, -0.25]), [1.5, 0.0])
    close(task_arithmetic(base.clone(), [a.clone(), b.clone()], [2, 2], normalize=True, lam=3), [2.5, 7.0])


def test_ties_by_hand() -> None:
    base = torch.zeros(4)
    a, b, c = T([4.0, -3.0, 1.0, 0.5]), T([2.0, 3.0, -1.0, 0.1]), T([-1.0, 5.0, 0.1, 0.1])
    # Half of each: a keeps 4 and -3, b keeps 3 and 2, c keeps 5 and -1. With weights 1, 1, 2:
    # sums 4+2-2 = 4 and -3+3+10 = 10, so plus; agreeing: (4 + 2) / 2 and (3 + 10) / 3; nobody: 0.
    merged = task_arithmetic(
        base,
        [a, b, c],
        [1.0, 1.0, 2.0],
        sparsifiers=[top_magnitudes(0.5)] * 3,
        sign_consensus=True,
        normalize=True,
    )
    close(merged, [3.0, 13 / 3, 0.0, 0.0])


def test_a_sum_of_zero_counts_as_plus() -> None:
    merged = task_arithmetic(
        torch.zeros(1), [T([2.0]), T([-2.0])], [1, 1], sign_consensus=True, normalize=True
    )
    close(merged, [2.0])


def test_the_largest_are_counted_exactly_also_among_equals() -> None:
    values = T([3.0, 1.0, 3.0, 3.0, 2.0, 3.0])
    assert largest(values, 2).tolist() == [True, False, True, False, False, False]
    assert largest(values, 5).tolist() == [True, False, True, True, True, True]
    assert largest(values, 0).sum() == 0
    assert largest(values, 9).all()
    many = torch.randint(0, 7, (3 * PIECE + 11,), generator=torch.Generator().manual_seed(1)).float()
    for count in (1, PIECE, 2 * PIECE + 5):
        mask = largest(many, count)
        assert int(mask.sum()) == count
        assert many.numpy()[mask].min() >= many.numpy()[~mask].max()


def test_ties_keeps_at_least_one_element() -> None:
    change = T([0.1, -0.4, 0.2])
    keep_largest(change, 0.01)
    close(change, [0.0, -0.4, 0.0])


def test_breadcrumbs_drops_both_ends() -> None:
    change = torch.arange(1.0, 11.0)
    drop_extremes(change, density=0.5, gamma=0.2)
    close(change, [0, 0, 0, 4, 5, 6, 7, 8, 0.0, 0])
    crowded = torch.arange(1.0, 11.0)
    drop_extremes(crowded, density=0.9, gamma=0.2)  # 90% shall stay, so only one of the largest goes
    close(crowded, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0.0])


def test_dare_keeps_the_share_and_the_norm() -> None:
    generator = np.random.default_rng(0)
    change = torch.from_numpy(generator.standard_normal(200_000).astype(np.float32))
    before = l1(change)
    kept = change.clone()
    keep_random(kept, 0.3, generator)
    assert float((kept != 0).float().mean()) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 200_000))
    assert torch.equal(kept[kept != 0], change[kept != 0])
    merged = task_arithmetic(
        torch.zeros(200_000),
        [change.clone()],
        [1.0],
        sparsifiers=[random_subset(0.3, generator)],
        rescale=True,
    )
    assert l1(merged) == pytest.approx(before, rel=1e-5)
    # The norm holds, which is near 1/rho but not it.
    factor = float((merged / change)[merged != 0].mean())
    assert factor == pytest.approx(1 / 0.3, rel=0.02)
    assert factor != pytest.approx(1 / 0.3, rel=1e-6)


def test_della_keeps_large_changes_more_often() -> None:
    generator = np.random.default_rng(0)
    row = torch.arange(1.0, 101.0)
    change = row.repeat(4000, 1)
    keep_by_rank(change, density=0.5, epsilon=0.2, generator=generator)
    kept = (change != 0).float().mean(dim=0)
    # Smallest 0.3, largest 0.7, the line between; five standard errors of 4,000 draws.
    expected = 0.3 + 0.4 * torch.arange(100) / 99
    assert (kept - expected).abs().max() < 5 * 0.5 / math.sqrt(4000)


def test_della_ranks_every_row_by_itself_and_a_vector_as_one_row() -> None:
    change = T([[1.0, 2.0], [200.0, 100.0]])
    keep_by_rank(change, density=0.5, epsilon=0.5, generator=np.random.default_rng(0))
    close(change, [[0.0, 2.0], [200.0, 0.0]])  # probabilities 0 and 1
    vector = T([5.0, 1.0])
    keep_by_rank(vector, density=0.5, epsilon=0.5, generator=np.random.default_rng(0))
    close(vector, [5.0, 0.0])


def test_a_density_of_one_keeps_everything() -> None:
    for keep in (
        lambda x: keep_largest(x, 1.0),
        lambda x: keep_random(x, 1.0, np.random.default_rng(0)),
        lambda x: drop_extremes(x, 1.0, 0.5),
        lambda x: keep_by_rank(x, 1.0, 0.15, np.random.default_rng(0)),
    ):
        change = T([1.0, 2.0, 3.0])
        keep(change)
        close(change, [1.0, 2.0, 3.0])


def test_random_numbers_belong_to_seed_and_tensor() -> None:
    def draw(seed: int, name: str) -> list[float]:
        drawn: list[float] = generator_for(seed, name).random(4).tolist()
        return drawn

    assert draw(1, "w") == draw(1, "w")
    assert draw(1, "w") != draw(2, "w")
    assert draw(1, "w") != draw(1, "v")


def test_sums_over_many_elements_are_exact_enough() -> None:
    generator = torch.Generator().manual_seed(2)
    a = torch.randn(2 * PIECE + 3, generator=generator)
    b = a + 0.01 * torch.randn(2 * PIECE + 3, generator=generator)
    assert dot(a, b) == pytest.approx(float(a.double() @ b.double()), rel=1e-7)
    exact = float(a.double() @ b.double() / (a.double().norm() * b.double().norm()))
    assert cosine(a, b) == pytest.approx(exact, abs=1e-8)
