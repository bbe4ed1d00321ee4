"""The alert that a person reads before confirming, in Brazilian Portuguese as the seeds have it."""

from keyturn.commands.catalogue import DISABLE

_DISABLE = (
    "Atenção: você está prestes a DESABILITAR a ignição do veículo {vin}. Depois de desligado, o veículo não poderá "
    "ser ligado novamente até que a ignição seja habilitada, e um aviso será exibido no painel. Se o veículo ficar sem "
    "cobertura de rede, poderá ser necessária uma intervenção física. Confirme somente se o veículo estiver parado em "
    "local seguro e se os procedimentos internos da sua empresa tiverem sido concluídos."
)
_ENABLE = (
    "Atenção: você está prestes a HABILITAR a ignição do veículo {vin}. O veículo poderá ser ligado novamente por quem "
    "tiver a chave. Confirme somente se a liberação estiver autorizada."
)
_UNREACHABLE = (
    " O veículo não está acessível no momento: o comando será enviado, mas pode não chegar ao veículo, e uma "
    "intervenção física poderá ser necessária."
)


def confirmation_message(name: str, vin: str, *, unreachable: bool) -> str:
    """Names the vehicle, the consequence and, for `enable_ignition`, a vehicle that cannot be reached."""
    if name == DISABLE:
        return _DISABLE.format(vin=vin)
    return _ENABLE.format(vin=vin) + (_UNREACHABLE if unreachable else "")
